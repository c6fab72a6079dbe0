// A real OpenID provider (npm oidc-provider) for the tests.
//
//     node provider.mjs NODE_MODULES CALLBACK   prints its issuer as one line of JSON, and serves
//
// Whoever types a name is that person; the password is not looked at.
import http from 'node:http';

const [modules, callback] = process.argv.slice(2);
const { default: Provider } = await import(`${modules}/oidc-provider/lib/index.js`);
const groups = {
  alice: ['sre-guid'],
  bob: ['sre-guid', 'admins-guid'],
  carol: [],
  mallory: ['sre-guid'],
};

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'gate',
        client_secret: 'a secret with: colons & spaces',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        redirect_uris: [callback],
        post_logout_redirect_uris: [callback.replace('/login/callback', '/login')],
      },
    ],
    findAccount: (_, id) => ({
      accountId: id,
      claims: async () => ({
        sub: id,
        email: `${id}@${id === 'mallory' ? 'evil.example' : 'example.com'}`,
        email_verified: true,
        name: id,
        preferred_username: id,
        groups: groups[id] ?? [],
      }),
    }),
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: ['groups'],
    },
    scopes: ['openid', 'profile', 'email', 'groups'],
    // As Okta and Entra ID do it; with IN_USERINFO the strict way, which keeps the ID token short.
    conformIdTokenClaims: process.env.IN_USERINFO === '1',
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    cookies: { keys: ['a key of the tests'] },
  });
  provider.on('server_error', (_, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(JSON.stringify({ issuer }));
});
