// The OpenID-certified npm package `oidc-provider`, set up so that a test can log in without a browser.
//
//   [PORT=0] [AT_TTL=3600] [REQUIRE_PAR=1] [DPOP_NONCE=1] [FORCE_PKCE=0] [TLS_CERT=… TLS_KEY=…] [DEBUG=1] node op.mjs
//
// With SYNAPSE=URL MAS_SECRET=… it is the authentication service of that homeserver, in the role of MAS.
//
// Prints `ready ISSUER` and ends with its standard input. See README.md for the ways to log in.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const { env } = process;
// Standard output is for the ready line alone; what the package remarks about itself is for those who ask.
for (const level of ['log', 'info', 'warn']) console[level] = env.DEBUG ? console.error : () => {};
const { Provider, interactionPolicy } = await import('oidc-provider');
const tls = env.TLS_CERT && { cert: fs.readFileSync(env.TLS_CERT), key: fs.readFileSync(env.TLS_KEY) };

// The issuer holds the port, so the port comes first.
const server = tls ? https.createServer(tls) : http.createServer();
await new Promise((resolve, reject) => server.once('error', reject).listen(Number(env.PORT ?? 0), '127.0.0.1', resolve));
const ISSUER = `http${tls ? 's' : ''}://127.0.0.1:${server.address().port}`;

// One key of each kind, fresh at every start.
const jwk = (type, options, extra) =>
  ({ ...crypto.generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...extra });
const jwks = { keys: [
  jwk('rsa', { modulusLength: 2048 }, { kid: 'rsa1' }),
  jwk('ec', { namedCurve: 'P-256' }, { kid: 'ec1', alg: 'ES256' }),
  jwk('ed25519', {}, { kid: 'ed1' }),
] };

// Matrix scopes hold a device ID, so they cannot be listed: they are the scopes of a resource, computed per request.
const MATRIX_RESOURCE = 'https://matrix.test/';
const MATRIX_API = ['urn:matrix:client:api:*', 'urn:matrix:org.matrix.msc2967.client:api:*'];
const matrixScopes = (scope) => scope.split(' ').filter((one) => one.startsWith('urn:matrix:'));
function scopeOf(ctx) {
  const { entities, params } = ctx.oidc;
  return params?.scope ?? entities.AuthorizationCode?.scope ?? entities.RefreshToken?.scope ?? entities.DeviceCode?.scope
    ?? entities.DeviceCode?.params?.scope ?? entities.Interaction?.params?.scope ?? '';
}

// What the homeserver must know before a token is used: its user, and the devices of a scope.
async function tellSynapse(what, body) {
  if (!env.SYNAPSE) return;
  const answer = await fetch(`${env.SYNAPSE}/_synapse/mas/${what}`, {
    method: 'POST', body: JSON.stringify(body),
    headers: { authorization: `Bearer ${env.MAS_SECRET}`, 'content-type': 'application/json' },
  });
  if (!answer.ok) console.error(what, answer.status, await answer.text());
}
const devicesOf = (scope) => (scope ?? '').split(' ')
  .map((one) => /^urn:matrix:(?:org\.matrix\.msc2967\.)?client:device:(.+)$/.exec(one)?.[1]).filter(Boolean);
async function provision(localpart, scope) {
  await tellSynapse('provision_user', { localpart, set_displayname: localpart });
  for (const device_id of devicesOf(scope)) await tellSynapse('upsert_device', { localpart, device_id });
}

// `prompt=create` is shown before the login, and ends as one.
const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'create', requestable: true }), 0);

const provider = new Provider(ISSUER, {
  jwks,
  cookies: { keys: ['test-cookie-key'] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  responseTypes: ['code', 'code id_token', 'id_token', 'none'],
  routes: {
    authorization: '/authorize', token: '/oauth2/token', registration: '/oauth2/registration',
    introspection: '/oauth2/introspect', revocation: '/oauth2/revoke', device_authorization: '/oauth2/device',
    code_verification: '/link', jwks: '/oauth2/keys.json', userinfo: '/oauth2/userinfo',
    pushed_authorization_request: '/oauth2/par', end_session: '/oauth2/logout',
  },
  discovery: {
    account_management_uri: `${ISSUER}/account/`,
    account_management_actions_supported: ['org.matrix.profile', 'org.matrix.devices_list', 'org.matrix.device_view',
      'org.matrix.device_delete', 'org.matrix.account_deactivate', 'org.matrix.cross_signing_reset'],
    prompt_values_supported: ['none', 'login', 'consent', 'create'],
  },
  clients: [{
    client_id: 'conf', client_secret: 'conf-secret-conf-secret-conf-secret-0123',
    redirect_uris: ['http://127.0.0.1:7777/cb'], response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', 'client_credentials'],
    post_logout_redirect_uris: ['http://127.0.0.1:7777/bye'],
    backchannel_logout_uri: 'http://127.0.0.1:7777/backchannel', backchannel_logout_session_required: true,
  }, {
    client_id: 'synapse', client_secret: env.MAS_SECRET ?? 'synapse', redirect_uris: [], response_types: [], grant_types: [],
  }],
  clientDefaults: {
    grant_types: ['authorization_code'], response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic', id_token_signed_response_alg: 'RS256',
  },
  pkce: { required: () => env.FORCE_PKCE !== '0' },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] },
  issueRefreshToken: async (ctx, client, source) => client.grantTypeAllowed('refresh_token')
    && (source.scopes.has('offline_access') || matrixScopes(source.scope ?? '').length > 0),
  expiresWithSession: async () => false,
  rotateRefreshToken: () => true,
  // Synapse asks for the localpart under this name.
  extraTokenClaims: async (ctx, token) => (token.accountId ? { username: token.accountId } : undefined),
  ttl: {
    AccessToken: Number(env.AT_TTL ?? 3600), AuthorizationCode: 60, IdToken: 3600, RefreshToken: 86400, DeviceCode: 600,
    Session: 86400, Grant: 86400, Interaction: 3600, ClientCredentials: 600,
  },
  features: {
    jwtUserinfo: { enabled: true },
    devInteractions: { enabled: false },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: env.REQUIRE_PAR === '1' },
    dPoP: { enabled: true, nonceSecret: crypto.randomBytes(32), requireNonce: () => env.DPOP_NONCE === '1' },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    claimsParameter: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    requestObjects: { enabled: true },
    jwtResponseModes: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (ctx, client, oneOf) => {
        if (oneOf) return Array.isArray(oneOf) ? oneOf[0] : oneOf;
        return matrixScopes(scopeOf(ctx)).length > 0 ? MATRIX_RESOURCE : undefined;
      },
      useGrantedResource: async () => true,
      getResourceServerInfo: async (ctx) => ({
        scope: [...new Set([...MATRIX_API, ...matrixScopes(scopeOf(ctx))])].join(' '), accessTokenFormat: 'opaque',
      }),
    },
  },
  findAccount: async (ctx, id) => ({
    accountId: id,
    claims: async () =>
      ({ sub: id, name: `${id} Test`, preferred_username: id, email: `${id}@example.org`, email_verified: true }),
  }),
  interactions: { policy, url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  // The package refuses to fetch from loopback addresses, where a test's client has its `jwks_uri`.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  renderError: async (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
});

async function consent(ctx, { prompt: { details }, params, session, grantId }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  await provision(session.accountId, params.scope);
  const saved = await grant.save();
  const result = { consent: grantId ? {} : { grantId: saved } };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
}

const deny = (ctx) => provider.interactionFinished(ctx.req, ctx.res,
  { error: 'access_denied', error_description: 'End-User aborted interaction' }, { mergeWithLastSubmission: false });

async function answers(ctx, hint) {
  if (ctx.method === 'POST') {
    let raw = '';
    for await (const chunk of ctx.req) raw += chunk;
    return Object.fromEntries(new URLSearchParams(raw));
  }
  return hint.startsWith('auto:') ? { login: hint.slice(5), password: 'x', consent: 'yes' } : {};
}

// Synapse shows the shared secret where the package wants a client's credentials, and reads a lifetime.
provider.use(async (ctx, next) => {
  if (!env.MAS_SECRET || ctx.path !== '/oauth2/introspect' || ctx.headers.authorization !== `Bearer ${env.MAS_SECRET}`) {
    return next();
  }
  ctx.req.headers.authorization = `Basic ${Buffer.from(`synapse:${env.MAS_SECRET}`).toString('base64')}`;
  await next();
  if (ctx.body?.exp) ctx.body.expires_in = Math.max(0, ctx.body.exp - Math.floor(Date.now() / 1000));
});

provider.use(async (ctx, next) => {
  if (!/^\/interaction\/[\w-]+$/.test(ctx.path)) return next();
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  const hint = details.params.login_hint ?? '';
  ctx.respond = false;
  if (hint.startsWith('deny:')) return deny(ctx);
  const form = await answers(ctx, hint);
  if (form.consent === 'no') return deny(ctx);
  const { name } = details.prompt;
  if (['login', 'create'].includes(name) && form.login) {
    if (form.password === 'wrong') {
      ctx.res.statusCode = 401;
      return ctx.res.end('bad password');
    }
    const result = { [name]: {}, login: { accountId: form.login, amr: ['pwd'] } };
    return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  }
  if (name === 'consent' && form.consent === 'yes') return consent(ctx, details);
  ctx.res.statusCode = 200;
  ctx.res.setHeader('content-type', 'text/html');
  const fields = name === 'consent'
    ? '<input type="hidden" name="consent" value="yes"><button>Allow</button>'
    : '<input name="login"><input type="password" name="password"><button>Sign in</button>';
  return ctx.res.end(`<form method="post" action="/interaction/${details.uid}">${fields}</form>`);
});

// As with MAS, a revoked token of either kind ends the Matrix device; here before the answer, so that a test need not wait.
const ending = [];
for (const event of ['access_token.destroyed', 'refresh_token.destroyed']) {
  provider.on(event, (token) => ending.push(...devicesOf(token.scope)
    .map((device_id) => tellSynapse('delete_device', { localpart: token.accountId, device_id }))));
}
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === '/oauth2/revoke') await Promise.all(ending.splice(0));
});

if (env.DEBUG) {
  provider.on('grant.success', (ctx) => console.error('granted', ctx.oidc.params.grant_type));
  for (const event of ['server_error', 'grant.error', 'authorization.error', 'introspection.error',
    'registration_create.error', 'pushed_authorization_request.error', 'device_authorization.error',
    'code_verification.error', 'backchannel.error', 'end_session.error']) {
    provider.on(event, (ctx, error) => console.error(event, ctx?.path, error?.error, error?.error_description, error?.error_detail));
  }
}

server.on('request', provider.callback());
process.stdout.write(`ready ${ISSUER}\n`);
// Whoever started it may be killed without a chance to say so.
process.stdin.resume().once('end', () => process.exit());
