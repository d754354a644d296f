package main

import (
	"context"
	"os/exec"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// version is set by the linker: that of the engine.
var version string

// languageHost serves Pulumi's LanguageRuntime.
type languageHost struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	children processes

	lock   sync.Mutex
	engine string
}

// Handshake is the engine's first call and names its address.
func (h *languageHost) Handshake(
	_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.engine = request.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *languageHost) engineAddress() string {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.engine
}

// GetPluginInfo names the version of the engine that this host fits.
func (h *languageHost) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

// About serves `pulumi about`.
func (h *languageHost) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	path, err := exec.LookPath(node)
	if err != nil {
		return nil, err
	}
	output, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: path, Version: strings.TrimSpace(string(output))}, nil
}

// Cancel asks every program and plugin that runs to end.
func (h *languageHost) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.children.terminate()
	return &emptypb.Empty{}, nil
}
