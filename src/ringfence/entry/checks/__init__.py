"""What ``ringfence check`` looks at, one kind of thing a module; each finding has its cure."""
