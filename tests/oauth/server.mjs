// An authorization server (OAuth 2.0 and OpenID Connect) on loopback.
//
// On standard input it is told, in one JSON text, {certificate, private_key,
// clients}; the clients are as OpenID Connect Dynamic Client Registration 1.0
// section 2 describes them. It answers with one line {issuer, control} once it
// serves, and ends when its input ends.
//
// control is the address where the test says what people and their
// administrators would do, and what goes wrong, each by POST of a JSON text:
//
//   approve        {user_code, account}   a person types the code and agrees
//   deny           {user_code}            ... and does not
//   refresh_token  {client_id, account}   -> {token}: of an earlier agreement
//   access_token   {client_id, account}   -> {token}
//   revoke         {account}              all that the person agreed to
//   forget         {account}              access tokens only: they end early
//   behave         {...}                  how it behaves from now on; see below
//   seen           {}                     -> what was asked since it was last told
//   holds          {}                     -> {waiting}: how many it lets wait
//   issued         {}                     -> {tokens}: all that clients were given
import { generateKeyPairSync } from 'node:crypto';
import { createServer as createControl } from 'node:http';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// The packages are not beside this file but where OAUTH_NODE_MODULES says.
const { Provider } = await import(pathToFileURL(
  createRequire(process.env.OAUTH_NODE_MODULES).resolve('oidc-provider')));

const input = createInterface({ input: process.stdin });
const told = JSON.parse(await new Promise((r) => { input.once('line', r); }));
const scope = 'openid offline_access mail';

// access_ttl: for how many seconds access tokens are good, and claimed_ttl: for
// how many the answer says that they are. Of the token endpoint: hold "before"
// lets requests wait and is done with those whose client leaves, "after" keeps
// the answers back, both until it next behaves in another way; answer {status,
// body, type} is said in place of ours; reset cuts the connection.
const usual = {
  access_ttl: 3600, claimed_ttl: null, hold: null, answer: null, reset: false,
};
let behaviour = usual;
let release = [];
let seen = [];
let under_way = 0;
const grants = [];
const access_tokens = [];
const issued_values = [];

const web = createServer({ key: told.private_key, cert: told.certificate });
await listening(web);
const issuer = `https://localhost:${web.address().port}`;
const provider = new Provider(issuer, {
  clients: told.clients,
  scopes: scope.split(' '),
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
  },
  findAccount: (_, accountId) => ({
    accountId, claims: () => ({ sub: accountId }),
  }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: ['of no use: nobody is shown a page'] },
  jwks: { keys: [signingKey()] },
  ttl: {
    AccessToken: () => behaviour.access_ttl,
    ClientCredentials: () => behaviour.access_ttl,
    DeviceCode: 60,
    Grant: 86400,
    RefreshToken: 86400,
  },
});
for (const kind of ['access_token', 'client_credentials']) {
  provider.on(`${kind}.saved`, (token) => access_tokens.push(token));
}
provider.on('server_error', (_, error) => console.error(error));
provider.use(wellKnown);
provider.use(observed);
provider.use(troubled);
provider.use(adapted);
web.on('request', provider.callback());

const control = createControl(async (request, response) => {
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const action = actions[request.url.slice(1)];
    const answer = await action(JSON.parse(Buffer.concat(chunks)));
    response.end(JSON.stringify(answer ?? {}));
  } catch (error) {
    response.writeHead(500).end(String(error.stack));
  }
});
await listening(control);
console.log(JSON.stringify({
  issuer, control: `http://127.0.0.1:${control.address().port}`,
}));

function signingKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' };
}

function listening(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

// --- Between the network and the provider ---------------------------------------

// RFC 8414 section 3: the other of the two names of the same text.
async function wellKnown(ctx, next) {
  if (ctx.path === '/.well-known/oauth-authorization-server') {
    ctx.path = '/.well-known/openid-configuration';
  }
  await next();
}

async function observed(ctx, next) {
  under_way += 1;
  const entry = { path: ctx.path, at_once: under_way };
  ctx.state.entry = entry;
  seen.push(entry);
  try {
    await next();
  } finally {
    under_way -= 1;
    entry.status = ctx.status;
    entry.grant_type = ctx.oidc?.params?.grant_type;
    entry.client_id = ctx.oidc?.client?.clientId;
  }
}

async function troubled(ctx, next) {
  const { hold, answer, reset } = behaviour;
  if (ctx.path !== '/token') return next();
  if (reset) {
    ctx.req.socket.destroy();
    return undefined;
  }
  if (hold === 'before' && !(await released(ctx))) return undefined;
  if (answer) {
    Object.assign(ctx, { status: answer.status, body: answer.body });
    ctx.type = answer.type ?? 'application/json';
    return undefined;
  }
  await next();
  if (hold === 'after') await released(ctx);
  return undefined;
}

// False: the client has left meanwhile.
function released(ctx) {
  ctx.state.entry.held = true;
  return new Promise((resolve) => {
    release.push(() => resolve(true));
    ctx.req.socket.once('close', () => resolve(false));
  });
}

async function adapted(ctx, next) {
  await next();
  const { body } = ctx;
  if (ctx.path === '/device/auth' && body?.device_code) {
    body.interval = 1;          // or a client waits for five seconds
  } else if (ctx.path === '/token' && body?.expires_in) {
    body.expires_in = behaviour.claimed_ttl ?? body.expires_in;
    issued_values.push(body.access_token);
    if (body.refresh_token) issued_values.push(body.refresh_token);
  } else if (ctx.path === '/token/introspection' && body?.active) {
    body.sub ??= body.client_id;   // an application is the user of its name
  }
}

// --- What the test says -----------------------------------------------------------

async function agreed(accountId, clientId) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  grants.push({ accountId, id: await grant.save() });
  return {
    accountId, grantId: grants.at(-1).id, scope, gty: 'device_code',
  };
}

async function issued(Model, { client_id, account }) {
  const client = await provider.Client.find(client_id);
  const token = new Model({ client, ...await agreed(account, client_id) });
  return { token: await token.save() };
}

function codeOf(user_code) {
  return provider.DeviceCode.findByUserCode(
    user_code.toUpperCase().replace(/\W/g, ''));
}

const actions = {
  async approve({ user_code, account }) {
    const code = await codeOf(user_code);
    const { gty, ...agreement } = await agreed(account, code.clientId);
    await Object.assign(code, agreement).save();
  },
  async deny({ user_code }) {
    const code = await codeOf(user_code);
    await Object.assign(code, { error: 'access_denied' }).save();
  },
  refresh_token: (what) => issued(provider.RefreshToken, what),
  access_token: (what) => issued(provider.AccessToken, what),
  async revoke({ account }) {
    for (const { id } of grants.filter((g) => g.accountId === account)) {
      await provider.RefreshToken.revokeByGrantId(id);
      await provider.Grant.adapter.destroy(id);
    }
  },
  async forget({ account }) {
    for (const token of access_tokens) {
      if ((token.accountId ?? token.clientId) === account) await token.destroy();
    }
  },
  behave(how) {
    behaviour = { ...usual, ...how };
    release.forEach((go) => go());
    release = [];
  },
  issued: () => ({ tokens: issued_values }),
  holds: () => ({ waiting: release.length }),
  seen() {
    const answer = seen;
    seen = [];
    return answer;
  },
};

input.on('close', () => process.exit(0));
