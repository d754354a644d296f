// Package shim reaches the constructor of the Terraform provider random, which upstream keeps in an internal package.
// Go decides by import path who may import one, so a module whose path lies below the provider's may.
package shim

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"
	internal "github.com/terraform-providers/terraform-provider-random/internal/provider"
)

// New makes the Terraform provider.
func New() provider.Provider { return internal.New() }
