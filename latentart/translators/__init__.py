"""Picture to picture: pix2pix, fast style, arbitrary style, cartoon. One file of this folder is one family."""
