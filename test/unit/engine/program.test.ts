import { describe, expect, it } from 'vitest';
import { whileEngineRuns } from '../../../scripts/engine/program.ts';

describe('while the engine runs', () => {
  it('this process outlives Ctrl-C, hands SIGTERM on, and is as it was afterwards', async () => {
    const { stackTraceLimit } = Error;
    const before = [process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')];
    expect(stackTraceLimit).toBeGreaterThan(0);
    const run = whileEngineRuns(async (signal) => {
      expect(Error.stackTraceLimit).toBe(0);
      expect(process.emit('SIGINT')).toBe(true);
      expect(signal.aborted).toBe(false);
      expect(process.emit('SIGTERM')).toBe(true);
      expect(signal.aborted).toBe(true);
      throw new Error('the engine said no');
    });
    await expect(run).rejects.toThrow('the engine said no');
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect([process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')]).toEqual(before);
  });
});
