"""When the events of a core happen: the recurrence of a layer, and that of a graph of layers."""
