import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js';
import type {
  AnalyzeRequest,
  AnalyzeResponse,
  AnalyzerResource,
  AnalyzerStackConfigureRequest,
  AnalyzeStackRequest,
} from '@pulumi/pulumi/proto/analyzer_pb.js';
import { judge, judgeStack, subjectOf } from './judge.ts';
import { grpc, messages, PluginInfo } from './protocol.ts';
import { rulesOf, stackRules } from './rules.ts';

/** Name and version of the pack, as PulumiPolicy.yaml has them. */
export interface Pack {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

/** Serves the rules of this folder as Pulumi's analyzer: the engine asks for each resource, then for the whole stack. */
export function implementAnalyzer(pack: Pack): UntypedServiceImplementation {
  let stack = '';
  return {
    handshake: answer(() => new messages.AnalyzerHandshakeResponse()),
    getPluginInfo: answer(() => new PluginInfo().setVersion(pack.version)),
    getAnalyzerInfo: answer(() => describe(pack, stack)),
    configureStack: answer((request: AnalyzerStackConfigureRequest) => {
      stack = request.getStack();
      return new messages.AnalyzerStackConfigureResponse();
    }),
    remediate: answer(() => new messages.RemediateResponse()),
    analyze: answer((request: AnalyzeRequest) => {
      const subject = read(request);
      const rules = Object.entries(rulesOf(stack));
      return respond(
        pack,
        rules.flatMap(([rule, check]) => judge(check, subject).map((message) => ({ rule, message }))),
        request.getUrn(),
      );
    }),
    analyzeStack: answer((request: AnalyzeStackRequest) => {
      const subjects = request.getResourcesList().map(read);
      const rules = Object.entries(stackRules);
      return respond(
        pack,
        rules.flatMap(([rule, check]) => judgeStack(check, subjects).map((message) => ({ rule, message }))),
      );
    }),
  };
}

interface Violation {
  readonly rule: string;
  readonly message: string;
}

function respond(pack: Pack, violations: readonly Violation[], urn = ''): AnalyzeResponse {
  const diagnostics = violations.map(({ rule, message }) =>
    new messages.AnalyzeDiagnostic()
      .setPolicyname(identifierOf(rule))
      .setPolicypackname(pack.name)
      .setPolicypackversion(pack.version)
      .setDescription(rule)
      .setMessage(message)
      .setEnforcementlevel(messages.EnforcementLevel.MANDATORY)
      .setSeverity(messages.PolicySeverity.POLICY_SEVERITY_HIGH)
      .setUrn(urn),
  );
  return new messages.AnalyzeResponse().setDiagnosticsList(diagnostics);
}

function describe(pack: Pack, stack: string) {
  const { POLICY_TYPE_RESOURCE, POLICY_TYPE_STACK } = messages.PolicyType;
  const policies = [
    ...Object.keys(rulesOf(stack)).map((rule) => ({ rule, type: POLICY_TYPE_RESOURCE })),
    ...Object.keys(stackRules).map((rule) => ({ rule, type: POLICY_TYPE_STACK })),
  ];
  return new messages.AnalyzerInfo()
    .setName(pack.name)
    .setDisplayname(pack.name)
    .setVersion(pack.version)
    .setDescription(pack.description)
    .setSupportsconfig(false)
    .setPoliciesList(
      policies.map(({ rule, type }) =>
        new messages.PolicyInfo()
          .setName(identifierOf(rule))
          .setDisplayname(rule)
          .setDescription(rule)
          .setPolicyType(type)
          .setEnforcementlevel(messages.EnforcementLevel.MANDATORY)
          .setSeverity(messages.PolicySeverity.POLICY_SEVERITY_HIGH),
      ),
    );
}

/** `names fit their systems` → `names-fit-their-systems` */
function identifierOf(rule: string): string {
  return rule.replaceAll(/[^a-z]+/g, '-');
}

function read(resource: AnalyzeRequest | AnalyzerResource) {
  return subjectOf({
    type: resource.getType(),
    name: resource.getName(),
    properties: resource.getProperties()?.toJavaScript(),
    protect: resource.getOptions()?.getProtect() ?? false,
  });
}

function answer<Request, Response>(respondTo: (request: Request) => Response) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    let response: Response;
    try {
      response = respondTo(call.request);
    } catch (error) {
      const { stack = '' } = error as Error;
      callback({ code: grpc.status.UNKNOWN, details: `the policy pack failed: ${stack}` });
      return;
    }
    callback(null, response);
  };
}
