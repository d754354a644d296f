import { readdirSync, readFileSync } from 'node:fs';

/** Ticks of the processor clock in /proc, the same on every Linux. */
const ticksPerSecond = 100;

interface Times {
  readonly parent: number;
  readonly ticks: number;
}

/**
 * Seconds of processor time, user and system, that a process, its living descendants and those of them that have ended
 * took so far: what a request costs, whoever else uses the machine. NaN where there is no /proc.
 */
export function cpuSecondsOf(pid: number): number {
  const all = new Map<number, Times>();
  try {
    for (const entry of readdirSync('/proc')) {
      const times = /^\d+$/.test(entry) ? readTimes(entry) : undefined;
      if (times !== undefined) all.set(Number(entry), times);
    }
  } catch {
    return Number.NaN;
  }
  const belongs = (id: number): boolean => {
    if (id === pid) return true;
    const parent = all.get(id)?.parent ?? 0;
    return parent > 1 && belongs(parent);
  };
  let ticks = 0;
  for (const [id, times] of all) if (belongs(id)) ticks += times.ticks;
  return ticks / ticksPerSecond;
}

function readTimes(pid: string): Times | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold anything.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent = 0] = fields.slice(1);
    return { parent, ticks: fields.slice(11, 15).reduce((sum, value) => sum + value, 0) };
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
