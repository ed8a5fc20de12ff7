"""The commands of `zhengyin`, one module for each thing an operator does."""
