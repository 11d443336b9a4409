//! One running adapter: joins the rooms and owns the threads.
