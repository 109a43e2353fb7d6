"""From a request to images: asked, recorded, handed over, collected, opened, shown."""
