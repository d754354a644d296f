import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A message that was accepted. */
export interface SunkMail {
  readonly to: string;
  readonly id: string;
  readonly subject: string;
}

/** A mail server on 127.0.0.1 that accepts every message and delivers none. */
export interface SmtpSink {
  readonly port: number;
  readonly mails: readonly SunkMail[];
  stop(): Promise<void>;
}

export async function startSmtpSink(): Promise<SmtpSink> {
  const mails: SunkMail[] = [];
  const server = createServer((socket) => void converse(socket, mails).catch(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function converse(socket: Socket, mails: SunkMail[]): Promise<void> {
  // Whoever sends may be killed under way.
  socket.on('error', () => socket.destroy());
  const say = (line: string) => socket.write(`${line}\r\n`);
  let to = '';
  let text: string[] | undefined;
  say('220 sink');
  for await (const line of createInterface({ input: socket })) {
    if (text !== undefined && line !== '.') text.push(line);
    else if (text !== undefined) {
      const header = (name: string) => text?.find((one) => one.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
      mails.push({ to, id: header('Message-ID'), subject: header('Subject') });
      text = undefined;
      say('250 taken');
    } else if (/^rcpt to:/i.test(line)) {
      to = /<([^>]*)>/.exec(line)?.[1] ?? '';
      say('250 ok');
    } else if (/^data/i.test(line)) {
      text = [];
      say('354 go on');
    } else if (/^quit/i.test(line)) {
      say('221 bye');
      socket.end();
    } else say('250 ok');
  }
}
