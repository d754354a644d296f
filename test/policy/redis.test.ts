import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { podOf } from '../../stacks/policy/pods.ts';
import { planStack } from './plan.ts';

let dir: string;
let command: readonly string[];
let given: string;
beforeAll(async () => {
  const { resources } = await planStack('dev');
  const server = resources.find(({ name }) => name === 'redis-server');
  const [init] = ((server && podOf(server))?.initContainers ?? []) as unknown as { command: string[] }[];
  const acl = resources.find(({ name }) => name === 'redis-acl')?.inputs.stringData as Record<string, string>;
  given = acl['users.acl'] ?? '';
  dir = mkdtempSync(path.join(tmpdir(), 'ghost-fleet-redis-'));
  mkdirSync(path.join(dir, 'acl'));
  mkdirSync(path.join(dir, 'data'));
  writeFileSync(path.join(dir, 'acl', 'users.acl'), given);
  command = (init?.command ?? []).map((text) =>
    text.replaceAll('/etc/redis-acl', path.join(dir, 'acl')).replaceAll('/data', path.join(dir, 'data')),
  );
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true }));

/** What the ACL file on the volume is after a start of the pod, where it was this before. */
function start(before: string | undefined): string {
  const file = path.join(dir, 'data', 'users.acl');
  rmSync(file, { force: true });
  if (before !== undefined) writeFileSync(file, before);
  const [program = '', ...args] = command;
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return readFileSync(file, 'utf8');
}

describe('the Redis of a stack', () => {
  it('begins with its administrator, and with a default user that nobody logs in as', () => {
    expect(given).toMatch(/^user default off [^\n]*\nuser fleet-admin on >hex-of-redis-admin-password\S+ [^\n]*\n$/);
    expect(start(undefined)).toBe(given);
  });

  it('has the administrator of its stack at every start, and the users that sites were given', () => {
    const sites = 'user site:aurora-letters on #abc ~site:aurora-letters:* +@all\n';
    expect(start(`user default off\nuser fleet-admin on #old ~* &* +@all\n${sites}`)).toBe(`${given}${sites}`);
    expect(start('user default off\nuser fleet-admin on #old ~* &* +@all\n')).toBe(given);
  });
});
