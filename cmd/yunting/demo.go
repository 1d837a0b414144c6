package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"yunting/cmd/yunting/demo"
	"yunting/internal/identity"
	"yunting/web"
)

type demoCommand struct {
	options
	Participants bool `default:"true" negatable:"" help:"Let synthetic participants sit in the open hearing."`
}

// Run runs a court with synthetic people and cases, and writes DATA/demo.json once it is ready.
func (d *demoCommand) Run(ctx context.Context) error {
	if err := d.complete(); err != nil {
		return err
	}
	log := d.logger()
	c, err := open(ctx, d.options, log)
	if err != nil {
		return interrupted(ctx, err, log)
	}
	synthetic := demo.Court{Identity: c.identity, Docket: c.docket, Service: c.service, Blobs: c.blobs, Now: time.Now}
	file, err := synthetic.Prepare(ctx, d.DataDir, d.PublicURL)
	if err != nil {
		return interrupted(ctx, errors.Join(err, c.close()), log)
	}
	info := &web.DemoInfo{SpoolDir: c.mailDir, Hearing: file.Hearing.String()}
	for _, p := range file.People {
		info.People = append(info.People, web.DemoPerson{Name: p.Name, Role: string(p.Role), Login: p.Login, Password: p.Password,
			Part: p.Part, PartEN: p.PartEN})
	}
	var sitting sync.WaitGroup
	err = c.listen(ctx, info, func(ctx context.Context) error {
		if err := file.Write(d.DataDir); err != nil {
			return err
		}
		fmt.Printf("Yunting 云庭 demo: %s  (people and passwords: %s/demo.json)\n", d.PublicURL, d.DataDir)
		if d.Participants {
			d.seat(ctx, c, file, &sitting)
		}
		return nil
	})
	sitting.Wait()
	return errors.Join(err, c.close())
}

// seat lets the judge and the parties of the open hearing publish the clip.
func (d *demoCommand) seat(ctx context.Context, c *court, file demo.File, sitting *sync.WaitGroup) {
	participants := demo.Participants{BaseURL: d.localURL(), Token: file.MediaToken, Hearing: file.Hearing, Logger: c.log}
	var people []demo.Person
	for _, p := range file.People {
		if p.Role == identity.RoleJudge || p.Role == identity.RoleUser {
			people = append(people, p)
		}
	}
	sitting.Add(1)
	go func() {
		defer sitting.Done()
		if err := participants.Run(ctx, people...); err != nil {
			c.log.Error("demo participants", "error", err)
		}
	}()
}
