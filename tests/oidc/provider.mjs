// An OpenID provider on loopback for tests: node provider.mjs PORT REDIRECT_URI [SECRET]. Whoever types a name is that one.
// Without a secret its client is public and its ID tokens are ES256, with one RS256.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';

const [port, redirectUri, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const jwk = (kind, options, alg) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg,
});
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'gateway',
    client_secret: secret,
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: secret ? 'client_secret_basic' : 'none',
    id_token_signed_response_alg: secret ? 'RS256' : 'ES256',
  }],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  jwks: { keys: [jwk('rsa', { modulusLength: 2048 }, 'RS256'), jwk('ec', { namedCurve: 'P-256' }, 'ES256')] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
