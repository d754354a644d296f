package main

import (
	"errors"
	"os/exec"
	"sync"
	"syscall"
)

// node is the program that runs everything here; PATH decides which.
const node = "node"

// processes are the children of this host that still run.
type processes struct {
	lock    sync.Mutex
	running map[*exec.Cmd]struct{}
}

// run starts the command and waits for its end.
func (p *processes) run(command *exec.Cmd) (exitCode int, err error) {
	// Whatever ends this host ends what it started.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	p.lock.Lock()
	err = command.Start()
	if err == nil {
		if p.running == nil {
			p.running = map[*exec.Cmd]struct{}{}
		}
		p.running[command] = struct{}{}
	}
	p.lock.Unlock()
	if err != nil {
		return 0, err
	}
	err = command.Wait()
	p.lock.Lock()
	delete(p.running, command)
	p.lock.Unlock()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// terminate sends SIGTERM to all of them.
func (p *processes) terminate() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for command := range p.running {
		_ = command.Process.Signal(syscall.SIGTERM)
	}
}
