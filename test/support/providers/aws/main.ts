import { manifest } from '../../../../scripts/tools/manifest.ts';
import { serve } from '../serve.ts';
import { AwsStandIn } from './provider.ts';

const pinned = manifest.providers.find((provider) => provider.name === 'aws');
serve(new AwsStandIn(pinned?.version ?? '', process.env.AWS_STAND_IN_RECORD || undefined));
