"""What a site is: schemas of site files and device profiles, their loader, and the site's clock."""
