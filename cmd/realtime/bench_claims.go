package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"realtime/bench"
)

// benchClaims checks what docs/claims.md says, each claim on servers of its own.
type benchClaims struct {
	Only  string `placeholder:"REGEXP" help:"Only the proofs whose names match."`
	Tries int    `default:"3" help:"How often a proof is tried until its claims hold: other work on the machine spoils figures."`
	Peers string `placeholder:"DIR" help:"Where the yardsticks' programs are; unset: beside this one."`
	JSON  string `name:"json" placeholder:"FILE" help:"Write all results as JSON."`
}

func (c *benchClaims) Run(ctx context.Context, p *process) error {
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return usage(fmt.Errorf("--only: %w", err))
	}
	proofs := slices.DeleteFunc(bench.Proofs(), func(p bench.Proof) bool { return !only.MatchString(p.Name) })
	if len(proofs) == 0 {
		return usage(fmt.Errorf("--only: no proof has a name that matches %q; docs/claims.md lists them", c.Only))
	}
	program, err := thisProgram()
	if err != nil {
		return benchFailure(err)
	}
	peers, err := beside(c.Peers)
	if err != nil {
		return benchFailure(err)
	}
	show := newProgress(p)
	prover := &bench.Prover{Program: program, Peers: peers, Show: show.update}
	all := &bench.Report{Title: "realtime bench claims", Commit: versionText()}
	claims, missed := 0, 0
	for _, proof := range proofs {
		if ctx.Err() != nil {
			break
		}
		claims += len(proof.Claims)
		n := 0
		for range max(c.Tries, 1) {
			began := time.Now()
			report, verdicts := prover.Run(ctx, proof)
			show.clear()
			all.Results = append(all.Results, report.Results...)
			if err := bench.WriteVerdicts(p.stdout, proof, verdicts, time.Since(began)); err != nil {
				return err
			}
			if n = bench.Missed(verdicts); n == 0 || ctx.Err() != nil {
				break
			}
		}
		missed += n
	}
	if c.JSON != "" {
		if err := writeFile(c.JSON, all.WriteJSON); err != nil {
			return &failure{step: "write the results", err: err}
		}
	}
	if missed > 0 || ctx.Err() != nil {
		return &failure{step: "check the claims", err: fmt.Errorf("%d of %d do not hold here", missed, claims), mend: "other work on the machine spoils them: look at the load average, and repeat with --only"}
	}
	_, err = fmt.Fprintf(p.stdout, "\nall %d claims hold\n", claims)
	return err
}
