"""The consumer, who watches it, and the cluster it reads."""
