package main

import (
	"os/exec"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// InstallDependencies serves `pulumi install`.
func (h *languageHost) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest,
	stream grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse],
) error {
	info := request.GetInfo()
	command := exec.CommandContext(stream.Context(), readOptions(info.GetOptions()).packageManager, "install")
	command.Dir = info.GetProgramDirectory()

	var sending sync.Mutex
	command.Stdout = writer(func(chunk []byte) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(&pulumirpc.InstallDependenciesResponse{Stdout: chunk})
	})
	command.Stderr = writer(func(chunk []byte) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(&pulumirpc.InstallDependenciesResponse{Stderr: chunk})
	})
	return command.Run()
}
