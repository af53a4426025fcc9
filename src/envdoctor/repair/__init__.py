"""What is done about a finding. Planning is pure; only the modules that write, install and put back touch files and processes."""
