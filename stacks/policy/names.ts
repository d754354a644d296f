import type { Rule } from './subject.ts';

/** Kubernetes truncates nothing and refuses what is too long; PostgreSQL truncates silently. */
export const namesFit: Rule = ({ type, name, inputs }) => {
  const objectName = (inputs.metadata as { name?: string } | undefined)?.name;
  const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
  const kubernetes =
    type.startsWith('kubernetes:') && objectName !== undefined && (objectName.length > 63 || !label.test(objectName));
  const texts = ['slug', 'identifier', 'name', 'userId']
    .map((key) => inputs[key])
    .filter((text) => typeof text === 'string');
  const limit = type.startsWith('aws:route53/') ? 253 : 63;
  return [
    ...(kubernetes ? [`${name}: the object's name ${objectName}`] : []),
    ...texts.filter((text) => Buffer.byteLength(text) > limit).map((text) => `${name}: ${text} is too long`),
  ];
};
