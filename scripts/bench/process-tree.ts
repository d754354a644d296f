import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a command took, with everything that it started. */
export interface CommandCost {
  /** Seconds from its start to its end. */
  readonly wall: number;
  /** Seconds of processor time, user and system. */
  readonly cpu: number;
  /** Greatest resident memory of all its processes together, in MiB; NaN where there is no /proc. */
  readonly memory: number;
  /** Greatest resident memory of a single process by what it is, in MiB. */
  readonly peaks: ReadonlyMap<string, number>;
  readonly stdout: string;
}

export interface MeasuredCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Tells what a process is by its command line; what it gives no name only counts as one of all. */
  readonly nameOf: (commandLine: readonly string[]) => string | undefined;
}

/** How often the memory is looked at. The kernel keeps each process's own peak, so only the last moments can be missed. */
const intervalMs = 200;

/**
 * Runs a command to its end.
 *
 * @throws Error with all its output where its exit code is not 0
 */
export async function measureCommand({ program, args, cwd, env, nameOf }: MeasuredCommand): Promise<CommandCost> {
  const started = performance.now();
  // The shell prints the processor time of all that it waited for, and of all that those waited for.
  const script = '"$@"; code=$?; times >&2; exit $code';
  const child = spawn('sh', ['-c', script, 'sh', program, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const peaks = new Map<string, number>();
  let memory = Number.NaN;
  const look = () => {
    const found = readTree(child.pid ?? 0);
    const together = found.reduce((sum, { resident }) => sum + resident, 0);
    if (found.length > 0 && !(together <= memory)) memory = together;
    for (const { commandLine, peak } of found) {
      const name = nameOf(commandLine);
      if (name !== undefined) peaks.set(name, Math.max(peak, peaks.get(name) ?? 0));
    }
  };
  const timer = setInterval(look, intervalMs);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
  } finally {
    clearInterval(timer);
  }
  return { wall: (performance.now() - started) / 1000, cpu: readTimes(stderr), memory, peaks, stdout };
}

/** Of the last two lines of `times`, the second: user and system time of the shell's children. */
export function readTimes(output: string): number {
  const children = output.trim().split('\n').at(-1) ?? '';
  const times = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, seconds]) =>
    [minutes, seconds].map(Number),
  );
  return times.length === 2
    ? times.reduce((sum, [minutes = 0, seconds = 0]) => sum + minutes * 60 + seconds, 0)
    : Number.NaN;
}

interface ProcessMemory {
  readonly commandLine: readonly string[];
  /** MiB now. */
  readonly resident: number;
  /** MiB at most so far. */
  readonly peak: number;
}

/** The living descendants of a process. */
function readTree(root: number): ProcessMemory[] {
  const parents = new Map<number, number>();
  try {
    for (const entry of readdirSync('/proc')) if (/^\d+$/.test(entry)) parents.set(Number(entry), readParent(entry));
  } catch {
    return [];
  }
  const belongs = (pid: number): boolean => pid > 1 && (pid === root || belongs(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(belongs).flatMap((pid) => readMemory(pid));
}

/** Resident memory of a process now, in MiB; NaN where there is no such process, or no /proc. */
export function residentOf(pid: number): number {
  return readMemory(pid)[0]?.resident ?? Number.NaN;
}

function readParent(pid: string): number {
  const text = readIfThere(`/proc/${pid}/stat`);
  // The name stands in parentheses and may hold anything.
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

function readMemory(pid: number): ProcessMemory[] {
  const status = readIfThere(`/proc/${pid}/status`);
  const read = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  const [resident, peak] = [read('VmRSS'), read('VmHWM')];
  if (Number.isNaN(resident)) return [];
  return [{ commandLine: readIfThere(`/proc/${pid}/cmdline`).split('\0'), resident, peak }];
}

/** A process may have ended meanwhile. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
