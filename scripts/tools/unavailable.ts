/** A tool is needed and cannot be had; the message says why and what to do. */
export class UnavailableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}
