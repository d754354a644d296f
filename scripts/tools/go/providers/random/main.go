// The Pulumi provider random: HashiCorp's Terraform provider behind Pulumi's bridge, as upstream builds it.
package main

import (
	"context"
	"errors"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/terraform-providers/terraform-provider-random/shim"
)

// version is set by the linker: that of the npm package whose programs this serves.
var version string

func main() {
	// Programs in TypeScript take types from npm's SDK and never ask for the schema.
	pf.Main(context.Background(), "random", provider(), pf.ProviderMetadata{PackageSchema: []byte(`{"name":"random"}`)})
}

// provider maps Terraform's names to the tokens of npm's @pulumi/random.
func provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:       pf.ShimProvider(shim.New()),
		Name:    "random",
		Version: version,
		Resources: map[string]*tfbridge.ResourceInfo{
			"random_bytes": {ComputeID: idOfBytes},
		},
		MetadataInfo:                tfbridge.NewProviderMetadata([]byte("{}")),
		EnableAccurateBridgePreview: true,
		EnableRawStateDelta:         true,
	}
	standard := tokens.MakeStandard("random")
	info.MustComputeTokens(tokens.SingleModule("random_", "index", func(module, name string) (string, error) {
		return standard(module, "Random"+name)
	}))
	return info
}

// idOfBytes names a resource that has no id of its own in Terraform by what it holds, as upstream does.
func idOfBytes(_ context.Context, state resource.PropertyMap) (resource.ID, error) {
	value := state["base64"]
	if value.IsSecret() {
		value = value.SecretValue().Element
	}
	if !value.IsString() {
		return "", errors.New("random_bytes: expected base64 in the state to be a string")
	}
	return resource.ID(value.StringValue()), nil
}
