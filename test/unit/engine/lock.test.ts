import { expect, it } from 'vitest';
import { isLockedByDead } from '../../../scripts/engine/lock.ts';

const refusal = (...locks: string[]) =>
  [
    'error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete it.',
    ...locks.map(
      (lock) => `  file:///state/.pulumi/locks/organization/ghost-fleet/dev/1.json: created by ${lock} at now`,
    ),
  ].join('\n');
const isAlive = (pid: number) => pid === 7;

it.each<[string, string[], boolean]>([
  ['an engine of this machine that is gone', ['root@here (pid 8)'], true],
  ['one that is at work', ['root@here (pid 7)'], false],
  ['two, of which one is at work', ['root@here (pid 8)', 'root@here (pid 7)'], false],
  ['one of another machine', ['root@there (pid 8)'], false],
  ['nobody that is told', [], false],
])('tells whether nobody has a stack any more that is locked by %s', (_, locks, expected) => {
  expect(isLockedByDead(refusal(...locks), isAlive, 'here')).toBe(expected);
});

it('knows a process that is there from one that is not', () => {
  const message = (pid: number) => refusal(`root@here (pid ${pid})`);
  expect(isLockedByDead(message(process.pid), undefined, 'here')).toBe(false);
  expect(isLockedByDead(message(2 ** 22 + 1), undefined, 'here')).toBe(true);
});
