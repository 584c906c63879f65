"""Which findings fail: policies, who allowed what until when, and the files that say so."""
