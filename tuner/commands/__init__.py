"""Each command as a function: the whole job, from what the user asks for to the files it leaves."""
