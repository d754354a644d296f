package main

import (
	"os/exec"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// RunPlugin runs a provider or a policy pack that is written in TypeScript until it ends.
func (h *languageHost) RunPlugin(
	request *pulumirpc.RunPluginRequest, stream grpc.ServerStreamingServer[pulumirpc.RunPluginResponse],
) error {
	info := request.GetInfo()
	given := readOptions(info.GetOptions())
	isPolicyPack := request.GetKind() == "analyzer"
	module := "@pulumi/pulumi/cmd/run-plugin"
	if isPolicyPack {
		module = "@pulumi/pulumi/cmd/run-policy-pack"
	}
	entry, err := findInNodeModules(info.GetProgramDirectory(), module)
	if err != nil {
		return err
	}

	arguments := append(append([]string{}, given.nodeArguments...), entry)
	if isPolicyPack {
		arguments = append(append(arguments, request.GetArgs()...), info.GetProgramDirectory())
	} else {
		arguments = append(append(arguments, info.GetProgramDirectory()), request.GetArgs()...)
	}
	command := exec.CommandContext(stream.Context(), node, arguments...)
	command.Dir = request.GetPwd()
	if isPolicyPack {
		// @pulumi/policy reads package.json from the working directory.
		command.Dir = info.GetProgramDirectory()
	}
	command.Env = given.environment(request.GetEnv()...)

	var sending sync.Mutex
	command.Stdout = writer(func(chunk []byte) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stdout{Stdout: chunk}})
	})
	command.Stderr = writer(func(chunk []byte) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stderr{Stderr: chunk}})
	})
	exitCode, err := h.children.run(command)
	if err != nil {
		return err
	}
	return stream.Send(&pulumirpc.RunPluginResponse{
		Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(exitCode)},
	})
}

// writer is an io.Writer that hands on a copy of each chunk.
type writer func(chunk []byte) error

func (w writer) Write(chunk []byte) (int, error) {
	if err := w(append([]byte{}, chunk...)); err != nil {
		return 0, err
	}
	return len(chunk), nil
}
