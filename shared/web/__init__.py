"""What people see and decide: pages and the JSON API, one small web application behind one HTTP function."""
