// Opens the print dialog once the page has its styles and images.
addEventListener("load", () => print());
