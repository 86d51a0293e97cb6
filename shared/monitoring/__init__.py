"""How production does: drift of newer files, labels that came later, performance over time."""
