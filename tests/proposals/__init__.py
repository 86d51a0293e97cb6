"""How good proposed contracts are: how often they refuse what is fine, and how often they catch what is not."""
