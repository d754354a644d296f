import { createTransport } from 'nodemailer';

/** A message of plain text. */
export interface Message {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Names the message, so that one that is sent again is known to be the same. @default a random name */
  readonly id?: string;
}

/** Sends messages. */
export interface Mailer {
  /** Whether messages stay on this machine, so that a page may show them to whoever asked. */
  readonly isLocal: boolean;
  send(message: Message): Promise<void>;
}

export interface MailSettings {
  readonly from: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Sends through an SMTP server; TLS from the first byte on port 465, by STARTTLS elsewhere where the server has it. */
export function createMailer(settings: MailSettings): Mailer {
  const { from, host, port, user, password } = settings;
  const auth = user === undefined ? {} : { auth: { user, pass: password ?? '' } };
  const transport = createTransport({ host, port, secure: port === 465, ...auth });
  return {
    isLocal: false,
    async send({ id, ...message }) {
      const named = id === undefined ? {} : { messageId: `<${id}@${domainOf(from)}>` };
      await transport.sendMail({ from, ...message, ...named });
    },
  };
}

/** Prints messages: on a machine without mail, whose terminal is the reader's own. */
export function createLocalMailer(print: (line: string) => void): Mailer {
  return {
    isLocal: true,
    async send({ to, subject, text }) {
      print(`mail to ${to}: ${subject}\n${text}`);
    },
  };
}

/** Of an address such as `Fleet <fleet@example.com>`. */
function domainOf(address: string): string {
  return /@([^\s>@]+)>?\s*$/.exec(address)?.[1] ?? 'localhost';
}
