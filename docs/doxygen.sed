# Links of Markdown pages, for doxygen: between its own pages they stay, without the place in the page, which it names in another way;
# of the others the text stays.
s/\]\((THREADS|TERMINATION|ERRORS)\.md(#[^)]*)?\)/](@\1)/g
s/\[([^]]*)\]\((#|\.\.\/|[A-Za-z]+\.md)[^)]*\)/\1/g
s/\]\(@([A-Z]+)\)/](\1.md)/g
