package interruption

import "slices"

// Beyond gives what of list the explained interruptions do not cover (AV 4): what was found after the explanation was signed.
// An explained pause, fault or restart covers every gap that it left, whenever a file shows one. A gap of a participant is
// covered by an explained one of the same cause, person and track that holds it.
func Beyond(list, explained []Interruption) []Interruption {
	var beyond []Interruption
	for _, i := range list {
		var same []Interruption
		for _, e := range explained {
			if e.Key == i.Key {
				same = append(same, e)
			}
		}
		if i.Whole() {
			if len(same) == 0 {
				beyond = append(beyond, i)
			}
			continue
		}
		i.Stretches = slices.DeleteFunc(slices.Clone(i.Stretches), func(s Stretch) bool {
			return slices.ContainsFunc(same, func(e Interruption) bool { return slices.ContainsFunc(e.Stretches, s.within) })
		})
		if len(i.Stretches) > 0 {
			beyond = append(beyond, i)
		}
	}
	return beyond
}

func (s Stretch) within(o Stretch) bool {
	return s.Name == o.Name && s.Track == o.Track && !s.From.Before(o.From) && !s.To.After(o.To)
}
