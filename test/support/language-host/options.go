package main

import (
	"os"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// options are what stands under runtime.options in Pulumi.yaml.
type options struct {
	typescript     bool
	tsconfig       string
	nodeArguments  []string
	packageManager string
}

func readOptions(given *structpb.Struct) options {
	read := options{typescript: true, packageManager: "npm"}
	values := given.AsMap()
	if value, ok := values["typescript"].(bool); ok {
		read.typescript = value
	}
	if value, ok := values["tsconfig"].(string); ok {
		read.tsconfig = value
	}
	if value, ok := values["nodeargs"].(string); ok {
		read.nodeArguments = strings.Fields(value)
	}
	if value, ok := values["packagemanager"].(string); ok && value != "" {
		read.packageManager = value
	}
	return read
}

// environment is this process's own, with what tells @pulumi/pulumi how to load TypeScript.
func (o options) environment(more ...string) []string {
	environment := append(os.Environ(), more...)
	if o.typescript {
		environment = append(environment, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if o.tsconfig != "" {
		environment = append(environment, "PULUMI_NODEJS_TSCONFIG_PATH="+o.tsconfig)
	}
	return environment
}
