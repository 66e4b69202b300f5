"""Writers of other toolkits' file layouts, made from the layouts alone: tests read back what these write."""
