/** What names a place for backups: the site's own volume, a folder, or a bucket with a prefix. */
export const targetForm =
  /^(?:volume|(?<folder>\.{0,2}\/.*)|s3:\/\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<prefix>.*))?)$/;

/** The same in words. */
export const targetForms = 'volume, s3://<bucket>[/<prefix>] or a folder such as /backups';
