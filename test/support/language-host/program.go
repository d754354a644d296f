package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// alreadyLogged is the exit code with which @pulumi/pulumi says that it has told the user what went wrong.
const alreadyLogged = 32

// Run runs the Pulumi program once.
func (h *languageHost) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := request.GetInfo()
	given := readOptions(info.GetOptions())
	entry, err := findInNodeModules(info.GetProgramDirectory(), "@pulumi/pulumi/cmd/run")
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(request.GetConfig())
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(append([]string{}, request.GetConfigSecretKeys()...))
	if err != nil {
		return nil, err
	}

	arguments := append([]string{}, given.nodeArguments...)
	arguments = append(arguments, entry,
		"--monitor="+request.GetMonitorAddress(),
		"--engine="+h.engineAddress(),
		"--organization="+request.GetOrganization(),
		"--project="+request.GetProject(),
		"--stack="+request.GetStack(),
		"--root-directory="+info.GetRootDirectory(),
		"--pwd="+request.GetPwd(),
		"--parallel="+strconv.Itoa(int(request.GetParallel())))
	if request.GetDryRun() {
		arguments = append(arguments, "--dry-run")
	}
	arguments = append(arguments, info.GetEntryPoint())
	arguments = append(arguments, request.GetArgs()...)

	command := exec.CommandContext(ctx, node, arguments...)
	command.Dir = request.GetPwd()
	command.Env = given.environment("PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secretKeys))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	exitCode, err := h.children.run(command)
	switch {
	case err != nil:
		return nil, err
	case exitCode == alreadyLogged:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case exitCode != 0:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with exit code %d", exitCode)}, nil
	}
	return &pulumirpc.RunResponse{}, nil
}
