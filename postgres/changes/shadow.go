package changes

import "context"

func (e *Engine) shadow(ctx context.Context, b *batch, joins []*joinAsk, jobs []*job) error {
	return nil
}

// best is the fastest tier that policies of a table may be asked in.
func (c *catalog) best(t *table) tier { return max(c.limits[0], c.limits[t.oid]) }
