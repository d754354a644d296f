import { manifest } from '../../../../scripts/tools/manifest.ts';
import { serve } from '../serve.ts';
import { KubernetesStandIn } from './provider.ts';

const pinned = manifest.providers.find((provider) => provider.name === 'kubernetes');
serve(new KubernetesStandIn(pinned?.version ?? ''));
