package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// nodePackage is what this host reads of a package.json.
type nodePackage struct {
	Name                 string            `json:"name"`
	Version              string            `json:"version"`
	Dependencies         map[string]string `json:"dependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	Pulumi               struct {
		Resource bool   `json:"resource"`
		Name     string `json:"name"`
		Version  string `json:"version"`
		Server   string `json:"server"`
	} `json:"pulumi"`
}

// GetRequiredPackages lists the providers of every package that the program can reach.
func (h *languageHost) GetRequiredPackages(
	_ context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, found := range findPackages(request.GetInfo().GetProgramDirectory()) {
		provider := found.Pulumi
		if !provider.Resource {
			continue
		}
		if provider.Name == "" {
			provider.Name = strings.TrimPrefix(found.Name, "@pulumi/")
		}
		if provider.Version == "" {
			provider.Version = found.Version
		}
		response.Packages = append(response.Packages, &pulumirpc.PackageDependency{
			Name:    provider.Name,
			Kind:    "resource",
			Version: "v" + strings.TrimPrefix(provider.Version, "v"),
			Server:  provider.Server,
		})
	}
	return response, nil
}

// GetProgramDependencies serves `pulumi about`.
func (h *languageHost) GetProgramDependencies(
	_ context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, found := range findPackages(request.GetInfo().GetProgramDirectory()) {
		response.Dependencies = append(response.Dependencies, &pulumirpc.DependencyInfo{
			Name: found.Name, Version: found.Version,
		})
	}
	return response, nil
}

// findPackages follows the dependencies of the package that dir belongs to as Node would resolve them, each once.
func findPackages(dir string) []nodePackage {
	root := dir
	for !isFile(filepath.Join(root, "package.json")) {
		if root == filepath.Dir(root) {
			return nil
		}
		root = filepath.Dir(root)
	}
	var found []nodePackage
	seen := map[string]bool{}
	queue := []string{root}
	for len(queue) > 0 {
		folder, err := filepath.EvalSymlinks(queue[0])
		queue = queue[1:]
		if err != nil || seen[folder] {
			continue
		}
		// The first is the program's own.
		seen[folder] = true
		text, err := os.ReadFile(filepath.Join(folder, "package.json"))
		if err != nil {
			continue
		}
		var read nodePackage
		if json.Unmarshal(text, &read) != nil {
			continue
		}
		if len(seen) > 1 {
			found = append(found, read)
		}
		for _, dependencies := range []map[string]string{read.Dependencies, read.OptionalDependencies} {
			for name := range dependencies {
				if dependency, err := findInNodeModules(folder, name); err == nil {
					queue = append(queue, dependency)
				}
			}
		}
	}
	return found
}

// findInNodeModules looks for a path in the node_modules of dir and of every folder above it.
func findInNodeModules(dir, name string) (string, error) {
	for folder := dir; ; folder = filepath.Dir(folder) {
		candidate := filepath.Join(folder, "node_modules", name)
		if _, err := os.Stat(candidate); err == nil {
			return candidate, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("expected %s in node_modules of %s or above; found none: run npm install", name, dir)
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
