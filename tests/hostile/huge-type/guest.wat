;; A type that doubles thirty times.
(component
  (type (tuple u64 u64))
  «(type (tuple № №))×30»)
