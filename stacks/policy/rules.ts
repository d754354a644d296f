import { neighboursAreOutOfReach, nothingIsPublic, policiesAreLeast } from './access.ts';
import { credentialsAreSecret, dataIsKept } from './data.ts';
import { namesFit } from './names.ts';
import { containersAreLimited, imagesArePinned, podsAreRestricted, secretsAreFiles } from './pods.ts';
import type { Rule, StackRule } from './subject.ts';
import { hostsAreUnique, platformIsFenced, sitesAreComplete } from './whole-stack.ts';

/** Every rule that looks at one resource, by what it asks for. */
const rules: Readonly<Record<string, Rule>> = {
  'pods are restricted': podsAreRestricted,
  'containers have requests and limits': containersAreLimited,
  'secrets reach containers as files': secretsAreFiles,
  'credentials are secret': credentialsAreSecret,
  'data is kept, shared data protected': dataIsKept,
  'nothing is public': nothingIsPublic,
  'neighbours are out of reach': neighboursAreOutOfReach,
  'policy documents allow what is named': policiesAreLeast,
  'names fit their systems': namesFit,
};

/** What production asks for besides. */
const productionRules: Readonly<Record<string, Rule>> = { 'images are pinned by digest': imagesArePinned };

/** The rules for the resources of a stack, by its name: `production` and its shards have more of them. */
export function rulesOf(stack: string): Readonly<Record<string, Rule>> {
  return /^production(-\d+)?$/.test(stack) ? { ...rules, ...productionRules } : rules;
}

/** Every rule that looks at a whole stack. */
export const stackRules: Readonly<Record<string, StackRule>> = {
  'hosts lead to one site': hostsAreUnique,
  'sites are complete': sitesAreComplete,
  'the platform is fenced': platformIsFenced,
};
