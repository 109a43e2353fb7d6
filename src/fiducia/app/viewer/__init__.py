"""The viewer: OHIF, fetched once from its package, served by the gateway to people who sign in with a browser.

`package` pins which bytes are taken, `fetching` gets and `unpacking` unpacks them, `installed` is what they became;
`pages` and `config` are what we say to it, `policy` what a browser lets it do, `serving` and `signing_in` the routes.
The viewer is a stranger's program: it gets the pixels that its user may see, and is kept from sending them elsewhere.
"""
