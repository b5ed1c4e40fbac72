// node-pop3 from npm; POP3S only.
//
// It leaves the dots stuffed (RFC 1939 section 3), so they are unstuffed here;
// besides that each message is stored as it came, with CRLF.
import { setDefaultResultOrder } from 'node:dns';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// The packages are not beside this file but where POP3_NODE_MODULES says.
const Pop3Command = createRequire(process.env.POP3_NODE_MODULES)('node-pop3');

// Before version 20 node tries one address of a name, and no other after it.
setDefaultResultOrder('ipv4first');

const pop = new Pop3Command({
  host: process.env.POP3_HOST,
  port: Number(process.env.POP3_PORT),
  user: process.env.POP3_USER,
  password: process.env.POP3_PASSWORD,
  tls: true,
  servername: process.env.POP3_HOST,
  tlsOptions: { ca: readFileSync(process.env.POP3_CA) },
});

async function retrieve(number) {
  const [, stream] = await pop.command('RETR', number);
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  // The library cuts the last CRLF off together with the final dot.
  const stuffed = Buffer.concat(chunks).toString('latin1') + '\r\n';
  return stuffed.replace(/^\./, '').replaceAll('\r\n.', '\r\n');
}

mkdirSync('messages');
for (const [number] of await pop.UIDL()) {
  createWriteStream(`messages/${number}`)
    .end(await retrieve(number), 'latin1');
  await pop.command('DELE', number);
}
await pop.QUIT();
