/** Tells what a queue and its workers meet with in the background. */
export type QueueLog = (text: string, error?: unknown) => void;
