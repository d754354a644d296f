import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What a program handed to the provider: a resource's inputs, or the arguments of a function. */
export interface AwsInput {
  /** `aws:rds/instance:Instance` */
  readonly token: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/**
 * Checks values against the types that the provider publishes with its SDK, which are generated from its schema: every
 * property known, those required there, of the right type, in every nested mapping too. Values are what the program
 * really computed, so that no cast, spread or index signature of its source hides anything.
 *
 * @returns a line for each problem, with the token and the name it is about
 */
export async function checkAwsInputs(all: readonly AwsInput[]): Promise<string[]> {
  const unknown = all.filter(({ token }) => declarationOf(token) === undefined);
  const known = all.filter((input) => !unknown.includes(input));
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-aws-'));
  try {
    await symlink(path.resolve('node_modules'), path.join(dir, 'node_modules'));
    await writeFile(path.join(dir, 'package.json'), JSON.stringify({ type: 'module' }));
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, module: 'nodenext', types: [] };
    await writeFile(path.join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['inputs.ts'] }));
    await writeFile(path.join(dir, 'inputs.ts'), known.map(declare).join('\n'));
    const { status, stdout, stderr } = spawnSync(
      path.resolve('node_modules/.bin/tsc'),
      ['--pretty', 'false', '-p', dir],
      {
        cwd: dir,
        encoding: 'utf8',
      },
    );
    // An error goes on in indented lines, of which the last names the very property.
    const errors = stdout.split(/\n(?=\S)/).flatMap((text) => {
      const [first = '', ...rest] = text.trimEnd().split('\n');
      const [, at, message] = /^inputs\.ts\((\d+),\d+\): error TS\d+: (.*)$/.exec(first) ?? [];
      const input = known[Number(at) - 1];
      const reason = [message, ...rest.slice(-1).map((line) => line.trim())].join(' ');
      return input === undefined ? [] : [`${input.token} ${input.name}: ${reason}`];
    });
    if (status !== 0 && errors.length === 0) throw new Error(`tsc ended with ${status}:\n${stdout}${stderr}`);
    return [...unknown.map(({ token, name }) => `${token} ${name}: the SDK has no such type`), ...errors];
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** One line for each input: the line of an error tells which it is. */
function declare({ token, inputs }: AwsInput, at: number): string {
  const { module, type } = declarationOf(token) ?? { module: '', type: '' };
  return `const input${at}: import('@pulumi/aws/${module}.js').${type} = ${JSON.stringify(inputs)};`;
}

/** `aws:rds/instance:Instance` → the declaration of its arguments */
function declarationOf(token: string): { readonly module: string; readonly type: string } | undefined {
  const [, module = '', last = ''] = /^aws:([a-z0-9]+\/[A-Za-z0-9]+):(\w+)$/.exec(token) ?? [];
  if (module === '' || !existsSync(path.join('node_modules/@pulumi/aws', `${module}.d.ts`))) return undefined;
  return { module, type: `${last[0]?.toUpperCase()}${last.slice(1)}Args` };
}
