package house

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// patience is how long anything may take that takes moments on a machine with no other work.
const patience = 2 * time.Minute

// process is a program that writes its output to a file.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// spawn starts the program with env on top of the caller's environment, its output appended to the file.
func spawn(cmd *exec.Cmd, env []string, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: cmd, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// A test that is killed takes its servers with it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) signalTerm() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// wait waits for the end; one that does not come within the limit is an error, and the process is killed.
func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s ended: %w", p.cmd.Path, p.err)
		}
		return nil
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("%s did not end within %v", p.cmd.Path, limit), p.kill())
	}
}

func (p *process) terminate(limit time.Duration) error {
	if err := p.signalTerm(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.wait(limit)
}

// kill sends SIGKILL and waits. A process that had ended by itself before is an error: it crashed.
func (p *process) kill() error {
	if p.ended() {
		return fmt.Errorf("%s had ended by itself: %v", p.cmd.Path, p.err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.done
	return p.bySIGKILL()
}

// died waits for the process to kill itself; one that does not within the limit is an error, and is killed.
func (p *process) died(limit time.Duration) error {
	select {
	case <-p.done:
		return p.bySIGKILL()
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("%s did not die within %v", p.cmd.Path, limit), p.kill())
	}
}

// bySIGKILL is an error where the process has ended otherwise.
func (p *process) bySIGKILL() error {
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL {
			return nil
		}
	}
	return fmt.Errorf("%s ended by itself, not by SIGKILL: %v", p.cmd.Path, p.err)
}
