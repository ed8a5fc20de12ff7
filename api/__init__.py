"""HTTP routes, pages and the command line; builds everything and introduces the parts."""
